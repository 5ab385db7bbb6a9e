"""What the optimiser aims for: the styles' terms at a given size.

Knows styles and the network; knows nothing of frames or time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from stylevideo.engine.matcher import Matcher
from stylevideo.engine.strokes.directions import Directions
from stylevideo.engine.strokes.turning import turned
from stylevideo.engine.terms import GramTerm, LookFinder, PlaceFinder, RegionalFinder, StyleTerm, WeighedFinder
from stylevideo.engine.transporter import Transporter
from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import gram_matrix
from stylevideo.ops.margin import with_margin
from stylevideo.ops.orientation import power
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge, resize
from stylevideo.ops.regions import at_size
from stylevideo.ops.tiles import Tile
from stylevideo.settings.direction import STRENGTH_RANGE, weighted_by
from stylevideo.settings.schema import shrink_of
from stylevideo.settings.sections import LossSettings

STYLE_SCALE = 1.25
"""Long edge of a style at a stroke size of 1, in parts of the frame's."""
STRENGTH_LEVELS = 256
"""For which weights are found, where strength differs from place to place: as many as most mattes have."""


_Key = tuple[int | None, tuple[tuple[int, int], ...]]
"""A look, None for all, and the sizes of its styles."""


@dataclass(frozen=True)
class StylePicture:
    """A style that has been read.

    Attributes:
        image: (1, 3, H, W), 0..1.
        weight: among the others of its look.
        look: which part of a frame's `Regions` it is painted in, where frames have any.
    """

    image: Tensor
    weight: float
    look: int = 0

    def size_at(self, size: tuple[int, int], stroke_size: float) -> tuple[int, int]:
        """Height and width at which it is shown to the painter of a frame, as of `style_size`."""
        return style_size((self.image.shape[2], self.image.shape[3]), size, stroke_size)


@dataclass(frozen=True)
class StrokeField:
    """Which way strokes should run.

    Attributes:
        field: (1, 2, H, W), as in `stylevideo.ops.orientation`.
        unit: contrast that strokes should have, as of `orientation.power`.
    """

    field: Tensor
    unit: Tensor


@dataclass(frozen=True)
class SourceShares:
    """How much the source counts at each place of a frame, in parts of what it does at strength 0.

    Attributes:
        structure: (1, 1, H, W), 0..1, of the weights of content and fine structure.
        pixels: likewise, of the weight of the source's pixels.
        evenness: likewise, above 0: times this, gradients of all strengths are about as large, so that Adam's second
            moment of a place goes on to be of use where its strength changes.
    """

    structure: Tensor
    pixels: Tensor
    evenness: Tensor

    @classmethod
    def of(cls, strength: Tensor, most: float, losses: LossSettings) -> SourceShares:
        """For a frame whose places are painted at parts (1, 1, H, W), 0..1, of a strength; losses without it."""
        place = strength * (STRENGTH_LEVELS - 1)
        below = place.floor().clamp_max(STRENGTH_LEVELS - 2)
        levels = [
            torch.lerp(each[below.long()], each[below.long() + 1], place - below)
            for each in _levels_of_source(most, losses).to(strength.device)
        ]
        return cls(*levels)

    def of_layer(self, tile: Tile, layer: str) -> Tensor:
        """Of content at a tile's own places at a layer: (1, 1, h, w)."""
        shrink = shrink_of(layer)
        return tile.own.of(at_size(self.structure, tile.places(shrink)), shrink).contiguous()


@lru_cache(maxsize=8)
def _levels_of_source(most: float, losses: LossSettings) -> Tensor:
    """What `SourceShares` are at even steps from strength 0 to the most: (3, levels)."""
    of_content = replace(losses, content_weight=1.0)  # whose factor structure has too
    none, all_of_it, rows = weighted_by(0.0, losses), weighted_by(1.0, losses), []
    for level in range(STRENGTH_LEVELS):
        strength = most * level / (STRENGTH_LEVELS - 1)
        own, factor = weighted_by(strength, losses), weighted_by(strength, of_content).content_weight
        evenness = _size_of_gradient(all_of_it) / _size_of_gradient(own)
        rows.append((factor / STRENGTH_RANGE, own.source_weight / none.source_weight, evenness))
    return torch.tensor(rows).T


def _size_of_gradient(losses: LossSettings) -> float:
    """Roughly, in times of a style's that weighs 1; terms are parts of their targets."""
    return losses.style_weight + losses.content_weight + losses.structure_weight + torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class StyleAtSize:
    """What frames of one size should look like.

    Attributes:
        terms: that are the same for every frame.
        finders: of those that depend on the frame, each with the weight of its terms together.
        everywhere: weight of all terms together, if they counted everywhere; None where they do.
        painted: (1, 1, H, W), bool, on the frame's device: beside it nothing is to change; None where all may.
        strokes: which way they should run in a frame, or None for any.
        source: how much the source counts at each place; None where it is as much everywhere.
    """

    terms: tuple[StyleTerm, ...]
    finders: tuple[tuple[PlaceFinder, float], ...] = ()
    everywhere: float | None = None
    painted: Tensor | None = None
    strokes: StrokeField | None = None
    source: SourceShares | None = None

    @property
    def weight(self) -> float:
        """Of all terms together; so that a place's part of the loss does not depend on how many others have one."""
        if self.everywhere is not None:
            return self.everywhere
        return sum(term.weight for term in self.terms) + sum(weight for _, weight in self.finders)

    def steered(self, strokes: StrokeField) -> StyleAtSize:
        """The same for a frame whose strokes should run along a field."""
        finders = tuple((finder.steered(strokes.field), weight) for finder, weight in self.finders)
        return replace(self, finders=finders, strokes=strokes)


@dataclass(frozen=True)
class _StylesAtSize:
    """The styles at one size, each by itself.

    Attributes:
        grams: by layer, of each style.
        of_grams: weight of all their terms together.
        finders: as of `StyleAtSize`, for the styles' own weights.
        usual: all of that, blended by the styles' own weights.
    """

    grams: Mapping[str, Sequence[Tensor]]
    of_grams: float
    finders: tuple[tuple[WeighedFinder, float], ...]
    usual: StyleAtSize

    def blended(self, weights: Sequence[float]) -> StyleAtSize:
        """By other weights, all above 0."""
        finders = tuple((finder.weighted(weights), weight) for finder, weight in self.finders)
        return StyleAtSize(_blended(self.grams, weights, self.of_grams), finders)


class StyleTargets:
    """What frames should look like, computed once for each size.

    Several styles are blended by the weighted mean of their statistics; of matched places each gets a part.

    Args:
        vgg: the network, on its device.
        pictures: at least one style.
        losses: which painter, and its layers.
        stroke_size: width of strokes: at 1 a style's long edge is 1.25 times the frame's. A style is never enlarged
            beyond its own size, which would only teach the film blur, nor made too small for the network.
        directions: which way strokes should run; None for as in the styles.
        sizes: of strokes, where each look has several: one for each of its parts of a frame. None is the stroke size.
    Attributes:
        directions: as they were given.
    """

    def __init__(
        self,
        vgg: VGG19,
        pictures: Sequence[StylePicture],
        losses: LossSettings,
        stroke_size: float,
        directions: Directions | None = None,
        sizes: Sequence[float] = (),
    ) -> None:
        self.directions = directions
        self._sizes = tuple(sizes) or (stroke_size,)
        self._vgg = vgg
        self._pictures = tuple(pictures)
        self._losses = losses
        self._stroke_size = stroke_size
        self._by_sizes: dict[_Key, _StylesAtSize] = {}
        self._counting: dict[int | None, tuple[int, ...]] = {}
        self._last: dict[_Key, tuple[tuple[float, ...], StyleAtSize]] = {}
        self._contrasts: dict[tuple[int, int], list[Tensor]] = {}
        self._grams: dict[tuple[tuple[int, int], tuple[str, ...]], tuple[GramTerm, ...]] = {}

    def at(
        self,
        size: tuple[int, int],
        weights: Sequence[float] = (),
        parts: Tensor | None = None,
        painted: Tensor | None = None,
    ) -> StyleAtSize:
        """For a frame of this height and width; found once for all sizes at which the styles have the same sizes.

        Args:
            size: of the frame.
            weights: of the styles, at least one above 0; those of their pictures if not given. Others cost little; of
                those above 0 alone anything is found and kept.
            parts: (1, looks, *size), 0..1, on the CPU, where each look is painted, as of `Regions`, at least one of
                them anywhere; of several sizes of strokes (1, looks x sizes, *size), the sizes of a look side by side.
                All styles are one look everywhere if not given.
            painted: likewise, how much of each place they have repainted, as of `Regions`: as much it says of them.
        """
        if parts is None:
            return self._of_look(None, size, weights, self._stroke_size)
        device = self._pictures[0].image.device
        there = [part for part in range(parts.shape[1]) if bool(parts[:, part].any())]
        looks = [
            self._of_look(part // len(self._sizes), size, weights, self._sizes[part % len(self._sizes)])
            for part in there
        ]
        says = parts if painted is None else torch.where(painted.any(3, True).any(2, True), painted, parts)
        each, own = ([maps[:, part, None] for part in there] for maps in (parts, says))
        return _of_looks(looks, each, own, device)

    def _of_look(
        self, look: int | None, size: tuple[int, int], weights: Sequence[float], stroke_size: float
    ) -> StyleAtSize:
        """The styles of a look that weigh something; None is all looks."""
        numbers = tuple(
            number
            for number, picture in enumerate(self._pictures)
            if (look is None or picture.look == look) and (not weights or weights[number])
        )
        pictures = [self._pictures[number] for number in numbers]
        sizes = tuple(picture.size_at(size, stroke_size) for picture in pictures)
        if self._counting.get(look) != numbers:
            # What others look like is not kept: of a clip that is followed two pictures count, then the next two.
            for kept in (self._by_sizes, self._last):
                for key in [key for key in kept if key[0] == look]:
                    del kept[key]
            self._counting[look] = numbers
        key = look, sizes
        if key not in self._by_sizes:
            self._by_sizes[key] = self._compute(pictures, sizes)
        if not weights:
            return self._by_sizes[key].usual
        own = tuple(weights[number] for number in numbers)
        if key not in self._last or self._last[key][0] != own:  # most frames weigh styles as the one before did
            self._last[key] = own, self._by_sizes[key].blended(own)
        return self._last[key][1]

    def grams(self, size: tuple[int, int], layers: Sequence[str] | None = None) -> tuple[GramTerm, ...]:
        """The Gram matrices alone, whichever painter was chosen: by them films of all painters are measured.

        Args:
            size: height and width of the frame.
            layers: those of the settings if not given.
        """
        layers = self._losses.style_layers if layers is None else tuple(layers)
        if (size, layers) not in self._grams:
            sizes = [picture.size_at(size, self._stroke_size) for picture in self._pictures]
            grams = self._grams_of_each(self._pictures, sizes, layers)
            self._grams[size, layers] = _blended(grams, [picture.weight for picture in self._pictures], 1.0)
        return self._grams[size, layers]

    def contrast(self, size: tuple[int, int], weights: Sequence[float] = ()) -> Tensor:
        """Of the styles' strokes at a frame of this height and width, as of `stylevideo.ops.orientation.power`.

        Args:
            size: of the frame.
            weights: as of `at`.
        """
        if size not in self._contrasts:
            self._contrasts[size] = [
                power(fit_style(picture.image, size, self._stroke_size)) for picture in self._pictures
            ]
        weights = weights or [picture.weight for picture in self._pictures]
        return _mean(self._contrasts[size], [own / sum(weights) for own in weights])

    @torch.no_grad()
    def _compute(self, pictures: Sequence[StylePicture], sizes: Sequence[tuple[int, int]]) -> _StylesAtSize:
        """Of pictures that are shown at these heights and widths."""
        losses, weights = self._losses, [picture.weight for picture in pictures]
        by_gram, placed = losses.layers_by_gram, (*losses.layers_transported, *losses.layers_matched)
        grams = self._grams_of_each(pictures, sizes, by_gram)
        # A place at a picture's border looks like what lies outside it; a margin keeps that from being copied.
        places, lines = self._places(pictures, sizes, placed)
        finders: list[tuple[WeighedFinder, float]] = []
        if losses.layers_transported:
            finders.append((Transporter(places, weights, losses.layers_transported, lines), 1 - losses.part_matched))
        if losses.layers_matched:
            finders.append((Matcher(places, weights, losses.layers_matched, lines), losses.part_matched))
        of_grams = 1 - losses.part_matched
        usual = StyleAtSize(_blended(grams, weights, of_grams), tuple(finders))
        return _StylesAtSize(grams, of_grams, tuple(finders), usual)

    def _places(
        self, pictures: Sequence[StylePicture], sizes: Sequence[tuple[int, int]], layers: Sequence[str]
    ) -> tuple[list[Mapping[str, Tensor]], list[Mapping[str, Tensor]]]:
        """The styles' features; where strokes should run some way, at several angles, with the way they run there."""
        if self.directions is None or not layers:
            return [self._features(*shown, layers, with_margin) for shown in zip(pictures, sizes, strict=True)], []
        each = [
            own
            for picture, size in zip(pictures, sizes, strict=True)
            for own in turned(resize(picture.image, size), self._vgg, tuple(dict.fromkeys(layers)))
        ]
        return [own.features for own in each], [own.lines for own in each]

    def _grams_of_each(
        self, pictures: Sequence[StylePicture], sizes: Sequence[tuple[int, int]], layers: Sequence[str]
    ) -> dict[str, list[Tensor]]:
        features = [self._features(*shown, layers) for shown in zip(pictures, sizes, strict=True)]
        return {layer: [gram_matrix(style[layer]) for style in features] for layer in layers}

    def _features(
        self,
        picture: StylePicture,
        size: tuple[int, int],
        layers: Sequence[str],
        prepared: Callable[[Tensor], Tensor] = lambda image: image,
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            return self._vgg(prepared(resize(picture.image, size)), layers) if layers else {}


def _of_looks(
    looks: Sequence[StyleAtSize], parts: Sequence[Tensor], says: Sequence[Tensor], device: torch.device
) -> StyleAtSize:
    """Several looks, each in its part of the picture, which is anywhere: (1, 1, H, W), 0..1, on the CPU.

    Likewise how much each place says of each.
    """
    own, counted = ([maps.to(device, non_blocking=True) for maps in each] for each in (parts, says))
    terms = (
        term.within(there, float(said.mean()))
        for look, said, there in zip(looks, says, counted, strict=True)
        for term in look.terms
    )
    finders = tuple(
        (
            RegionalFinder([LookFinder(finder, *maps) for (finder, _), *maps in zip(each, own, counted, strict=True)]),
            each[0][1],
        )
        for each in zip(*(look.finders for look in looks), strict=True)
    )
    painted = torch.cat(own, dim=1).amax(1, keepdim=True) > 0
    return StyleAtSize(tuple(terms), finders, looks[0].weight, painted)


def _blended(grams: Mapping[str, Sequence[Tensor]], weights: Sequence[float], weight: float) -> tuple[GramTerm, ...]:
    """One term for each layer, with this weight together, from each style's matrix."""
    parts = [own / sum(weights) for own in weights]
    return tuple(GramTerm(layer, _mean(each, parts), weight / len(grams)) for layer, each in grams.items())


def _mean(values: Sequence[Tensor], parts: Sequence[float]) -> Tensor:
    return torch.stack([value * part for value, part in zip(values, parts, strict=True)]).sum(dim=0)


def fit_style(image: Tensor, size: tuple[int, int], stroke_size: float) -> Tensor:
    """A style's picture as it is shown to the painter of a frame.

    Args:
        image: (1, 3, H, W), 0..1.
        size: the frame's height and width.
        stroke_size: as of `StyleTargets`.
    Returns:
        (1, 3, h, w), 0..1.
    """
    return resize(image, style_size((image.shape[2], image.shape[3]), size, stroke_size))


def style_size(own: tuple[int, int], size: tuple[int, int], stroke_size: float) -> tuple[int, int]:
    """Height and width of a style as it is shown to the painter of a frame, by its own; else as of `fit_style`."""
    least = LEAST_EDGE_PX * max(own) / min(own)
    long_edge = min(max(size) * STYLE_SCALE * stroke_size, max(own))
    return fit_long_edge(*own, math.ceil(max(least, long_edge)))
