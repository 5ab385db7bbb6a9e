"""The loss of one frame at one size, with its gradient.

Knows one frame and what it should look like; knows nothing of optimisers, videos, flow or files.

L. A. Gatys, A. S. Ecker, M. Bethge: Image style transfer using convolutional neural networks (2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.looks import Looks, back_to_seen, network_tiles
from stylevideo.engine.places import (
    PlaceTargets,
    found_targets,
    layers_of,
    searches_of,
    source_targets,
    surveyed,
    targets_of,
)
from stylevideo.engine.targets import StyleAtSize
from stylevideo.engine.terms import AddGradientOfTile, Rest, added
from stylevideo.models.vgg import VGG19, AddGradient
from stylevideo.ops.fine_structure import FineStructure
from stylevideo.ops.losses import (
    color_variation,
    entries,
    own_square,
    resting_sums,
    source_loss,
    square_distance,
    temporal_loss,
    total_variation,
    total_variation_sum,
)
from stylevideo.ops.orientation import astray
from stylevideo.ops.tiles import Tile
from stylevideo.rectangle import Rectangle
from stylevideo.settings.sections import LossSettings

DIRECTION_WEIGHT = 1.0
"""Of the term of directions, beside a style of 1."""


@dataclass(frozen=True)
class TemporalTarget:
    """What earlier frames say of this one.

    Attributes:
        held: (1, 3, H, W), earlier results where their things are now: what the frame is held to.
        firmness: (1, 1, H, W), 0..1, how firmly.
    """

    held: Tensor
    firmness: Tensor


@dataclass(frozen=True)
class LossTerms:
    """A frame's loss where it was computed; to read it as numbers makes the host wait for the device.

    Attributes:
        terms: (5,), float32: style, content, structure, total variation and temporal term, without their weights; (6,)
            with the source's, where that has a weight, and (7,) with that of directions, where there are any.
        weights: likewise, on the same device.
    """

    terms: Tensor
    weights: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised, a scalar on the device."""
        return (self.terms * self.weights).sum()

    def numbers(self) -> FrameLosses:
        """The same as plain numbers."""
        terms, weights = torch.stack((self.terms, self.weights)).tolist()
        weighted = [term * weight for term, weight in zip(terms, weights, strict=True)]
        return FrameLosses(sum(weighted), sum(weighted[:4] + weighted[5:]), *terms)


@dataclass(frozen=True)
class _Known:
    """What is known of the whole picture before the way back from any of its tiles begins.

    Attributes:
        style: the terms of statistics, a scalar.
        back: what adds their gradients, by layer.
        places: the targets of places.
        found_for: the picture that these were found for, if it has not changed since.
    """

    style: Tensor
    back: Mapping[str, list[AddGradientOfTile]]
    places: PlaceTargets
    found_for: Looks | None


class Objective:
    """The loss of one frame at one size.

    total = style_weight * style + content_weight * content + structure_weight * structure + tv_weight * tv
    + temporal_weight * temporal + source_weight * source + DIRECTION_WEIGHT * direction; style is the mean of its terms
    by their weights, content the mean over its layers, structure what is lost of the frame's fine structure, tv the
    variation of the picture and, by a factor, that of its colours, source the mean square of the way to the frame's
    pixels, direction how much strokes run another way than they should. Targets of places are found for the first
    picture that is evaluated, and stay what they are until `rematch`.

    The picture is looked at tile by tile. What depends on all of it is a sum over tiles, known before the way back
    begins; what a tile's own features and pixels add to the gradient reaches into its surroundings, where it is added
    to what other tiles add. So loss and gradient are those of the whole, up to rounding.

    Where a part of the picture rests, no tile lies there: it adds what it did when it was looked at. Its features
    change a little near the boxes; nothing is gone back from these.

    Args:
        vgg: the network.
        frame: (1, 3, H, W), the source's frame at the size of the picture to be optimised.
        style: what it should look like.
        guide: what earlier frames say, or None.
        settings: weights, layers and normalisation; where the style says how much the source counts at each place, the
            source's weights are those of which places have parts.
        tile_px: edge of a tile, as of `network_tiles`; 0 for the picture, or for each of its parts, as one.
        parts: of the picture that are looked at, all of it if not given.
        rest: what the remaining picture adds; None where it does not count.
    """

    def __init__(
        self,
        vgg: VGG19,
        frame: Tensor,
        style: StyleAtSize,
        guide: TemporalTarget | None,
        settings: LossSettings,
        tile_px: int = 0,
        parts: Sequence[Rectangle] | None = None,
        rest: Rest | None = None,
    ) -> None:
        self._vgg = vgg
        self._style = style
        self._places: PlaceTargets | None = None
        self._guide = guide
        self._settings = settings
        s = settings
        weights = [s.style_weight, s.content_weight, s.structure_weight, s.tv_weight, s.temporal_weight]
        weights += [s.source_weight] if s.source_weight or style.strokes else []
        weights += [DIRECTION_WEIGHT] if style.strokes else []
        self._weights = torch.tensor(weights).to(frame.device, non_blocking=True)
        self._unit = own_square if settings.normalization == "target" else entries
        found = (layer for finder, _ in style.finders for layer in finder.layers)
        layers = (*(term.layer for term in style.terms), *found, *settings.content_layers)
        self._layers = tuple(dict.fromkeys(layers))
        self._rest, self._tile_px = rest, tile_px
        size = (frame.shape[2], frame.shape[3])
        self._tiles = network_tiles(size, tile_px, self._layers, parts)
        self._content = source_targets(vgg, frame, self._tiles, settings.content_layers, self._unit, rest)
        self._strokes, self._shares = style.strokes, style.source
        self._frame = frame
        self._structure: FineStructure | None = None
        if settings.structure_weight and len(self._tiles) == 1:
            self._structure = self._structure_of(self._tiles[0])

    @property
    def evenness(self) -> Tensor | None:
        """As of `SourceShares`; None where the source counts as much everywhere."""
        return self._shares.evenness if self._shares else None

    def rematch(self) -> None:
        """Find the targets of places anew for the next picture that is evaluated."""
        self._places = None

    @torch.no_grad()
    def value(self, image: Tensor) -> LossTerms:
        """The loss of a picture (1, 3, H, W)."""
        looks = Looks(self._vgg, image, self._tiles, self._layers)
        known, squares = self._of_whole(looks), dict[tuple[bool, str], Tensor]()
        others = self._others_of_rest()
        for tile in self._tiles:
            self._of_tile(tile, looks, known, squares)
            others = others + torch.stack(self._of_picture(tile, tile.seen_of(image)))
        return self._terms(known, squares, others)

    def value_and_grad(self, image: Tensor) -> tuple[LossTerms, Tensor]:
        """The loss of a picture (1, 3, H, W) and its gradient, of the picture's shape; nothing waits for the device."""
        image = image.detach()
        looks = Looks(self._vgg, image, self._tiles, self._layers, is_traced=True, keeps_all=self._tile_px == 0)
        known, squares = self._of_whole(looks), dict[tuple[bool, str], Tensor]()
        others = self._others_of_rest()
        gradient: Tensor | None = None
        for tile in self._tiles:
            own_others, part = self._gradient_of(tile, looks, known, squares)
            others = others + own_others
            if tile.is_whole:
                gradient = part
                continue
            gradient = torch.zeros_like(image) if gradient is None else gradient
            tile.seen_of(gradient).add_(part)
        assert gradient is not None, "a picture has at least one tile"
        if self._style.painted is not None:
            gradient *= self._style.painted
        return self._terms(known, squares, others), gradient

    def _gradient_of(
        self, tile: Tile, looks: Looks, known: _Known, squares: dict[tuple[bool, str], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """What a tile adds to the terms behind content's, and to the gradient by what it sees; no more is left."""
        with torch.no_grad():
            parts = self._of_tile(tile, looks, known, squares)
        variable = tile.seen_of(looks.image).detach().requires_grad_()
        others = torch.stack(self._of_picture(tile, variable))
        (gradient,) = torch.autograd.grad((others * self._weights[2:]).sum(), variable, materialize_grads=True)
        gradient += looks.trace(tile).gradient({layer: back_to_seen(tile, layer, own) for layer, own in parts.items()})
        return others.detach(), gradient

    @torch.no_grad()
    def _of_whole(self, looks: Looks) -> _Known:
        """What is known of a picture before its tiles are gone back from."""
        is_new = self._places is None
        if self._places is None:
            self._places = found_targets(looks, self._style, self._unit, self._rest)
        style, back = self._weights.new_zeros(()), dict[str, list[AddGradientOfTile]]()
        before = self._rest.statistics if self._rest else ()
        for term, statistics in zip(self._style.terms, self._statistics(looks, self._tiles, before), strict=True):
            part = term.weight / self._style.weight
            value, add = term.evaluated(statistics, self._unit, self._settings.style_weight * part)
            style = style + part * value
            back.setdefault(term.layer, []).append(add)
        return _Known(style, back, self._places, looks if is_new else None)

    @torch.no_grad()
    def at_rest(self, image: Tensor, parts: Sequence[Rectangle]) -> Rest:
        """What some of its parts of a picture (1, 3, H, W) add, which need not be looked at again while they rest."""
        looks = Looks(self._vgg, image, self._tiles, self._layers, keeps_all=self._tile_px == 0)
        tiles = network_tiles((image.shape[2], image.shape[3]), self._tile_px, self._layers, parts)
        statistics = self._statistics(looks, tiles)
        surveys = surveyed(looks, tiles, self._style)
        others = [tile for tile in self._tiles if tile not in tiles]
        searches = searches_of(self._style, surveyed(looks, others, self._style, surveys))
        places, content, of_picture = dict[str, Tensor](), dict[str, Tensor](), self._others_of_rest()
        for tile in tiles:
            features, source = looks.of(tile), self._content.of(tile)
            for sums, targets in (
                (places, {layer: targets_of(searches, tile, layer, features) for layer in layers_of(searches)}),
                (content, {layer: [target] for layer, target in source.items()}),
            ):
                more = {
                    layer: resting_sums(features[layer], each, self._unit, self._counts(tile, layer, sums is content))
                    for layer, each in targets.items()
                }
                sums.update(added(sums or None, more))
            of_picture = of_picture + torch.stack(self._of_picture(tile, tile.seen_of(image)))
        return Rest(tuple(statistics), tuple(surveys), places, content, of_picture)

    def _others_of_rest(self) -> Tensor:
        """What resting parts add to the last three terms."""
        return self._rest.others if self._rest else torch.zeros_like(self._weights[2:])

    def _statistics(self, looks: Looks, tiles: Sequence[Tile], before: Sequence[Tensor] = ()) -> list[Tensor]:
        """Of each of the style's terms: of some tiles, and what was there before."""
        terms, sums = self._style.terms, list(before)
        for tile in tiles if terms else ():
            features = looks.of(tile)
            own = [term.statistics(tile, features[term.layer]) for term in terms]
            sums = [before + part for before, part in zip(sums, own, strict=True)] if sums else own
        return sums

    def _of_tile(
        self, tile: Tile, looks: Looks, known: _Known, squares: dict[tuple[bool, str], Tensor]
    ) -> dict[str, list[AddGradient]]:
        """Add a tile's part to the squares of distances, by whether they are the style's, and by layer.

        Returns:
            By layer what adds the loss's gradient by the tile's own features.
        """
        targets = known.places.of(tile, known.found_for)  # which may look at another picture
        features = looks.of(tile)
        parts: dict[str, list[AddGradient]] = {
            layer: [partial(add, tile, features[layer]) for add in known.back.get(layer, ())] for layer in self._layers
        }
        for is_style, distances, there, weight in (
            (True, known.places.distances, targets, self._settings.style_weight),
            (False, self._content.distances, self._content.of(tile), self._settings.content_weight),
        ):
            for layer, target in there.items():
                counts = self._counts(tile, layer, is_content=not is_style)
                square = square_distance(features[layer], target, counts)
                before = squares.get((is_style, layer))
                squares[is_style, layer] = square if before is None else before + square
                add = partial(distances[layer].add_gradient, features[layer], target, weight, counts=counts)
                parts[layer].append(add)
        return parts

    def _counts(self, tile: Tile, layer: str, is_content: bool) -> Tensor | None:
        """How much a tile's own places count in a distance; None where all count alike."""
        return self._shares.of_layer(tile, layer) if self._shares and is_content else None

    def _terms(self, known: _Known, squares: Mapping[tuple[bool, str], Tensor], others: Tensor) -> LossTerms:
        """The loss, from what all tiles have added."""
        style, content = known.style, self._weights.new_zeros(())
        for (is_style, layer), square in squares.items():
            if is_style:
                style = style + known.places.distances[layer].value(square)
            else:
                content = content + self._content.distances[layer].value(square)
        return LossTerms(torch.cat((torch.stack((style, content)), others)), self._weights)

    def _of_picture(self, tile: Tile, image: Tensor) -> tuple[Tensor, ...]:
        """Structure, total variation, temporal term, and the source's if it counts: a tile's part, of what it sees."""
        zero, guide = self._weights.new_zeros(()), self._guide
        held = (tile.seen_of(guide.held), tile.seen_of(guide.firmness)) if guide else None
        counts = tile.seen_of(self._shares.structure) if self._shares else None
        return (
            self._structure_of(tile).lost_in(image, counts) if self._settings.structure_weight else zero,
            self._total_variation(tile, image),
            temporal_loss(image, *held, tile) if held else zero,
            *self._of_source(tile, image),
            *self._of_directions(tile, image),
        )

    def _structure_of(self, tile: Tile) -> FineStructure:
        """The frame's, where a tile is; of several tiles it is found each time, since keeping it takes much memory."""
        return self._structure or FineStructure(tile.seen_of(self._frame), tile)

    def _of_source(self, tile: Tile, image: Tensor) -> tuple[Tensor, ...]:
        if not self._settings.source_weight:
            return (self._weights.new_zeros(()),) if self._strokes else ()
        counts = tile.seen_of(self._shares.pixels) if self._shares else None
        return (source_loss(image, tile.seen_of(self._frame), tile, counts),)

    def _of_directions(self, tile: Tile, image: Tensor) -> tuple[Tensor, ...]:
        if self._strokes is None:
            return ()
        return (astray(image, tile.seen_of(self._strokes.field), self._strokes.unit, tile),)

    def _total_variation(self, tile: Tile, image: Tensor) -> Tensor:
        if self._settings.normalization == "raw":
            return total_variation_sum(image, tile)
        factor = self._settings.tv_color
        variation = total_variation(image, tile)
        return variation + factor * color_variation(image, tile) if factor else variation
