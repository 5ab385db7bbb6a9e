"""The settings of where motion comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.settings.schema import Affects, ClipFacts, setting

VECTOR_FORMATS = ("plain", "blender", "nuke", "fusion", "unreal")


def _nothing_is_carried(settings: Any, _: ClipFacts) -> str:
    return "" if settings.temporal.carry and settings.optimizer.iterations else "nothing is carried from frame to frame"


def _no_vectors(settings: Any, clip: ClipFacts) -> str:
    return _nothing_is_carried(settings, clip) if settings.motion.vectors else "there are no --vectors"


def _no_network(settings: Any, clip: ClipFacts) -> str:
    return _nothing_is_carried(settings, clip) if settings.motion.motion == "raft" else "--motion raft is not asked for"


def _check_scale(scale: float) -> None:
    if scale == 0:
        raise SettingsError("--vectors-scale 0 leaves no motion. Leave --vectors away where nothing is to be followed.")


@dataclass(frozen=True)
class MotionSettings:
    """Where pixels were, and who says so."""

    motion: str = setting(
        "dis",
        "what finds the motion in the pictures: dis (dense inverse search, on the CPU), or raft, a network, with "
        "--raft-weights",
        choices=("dis", "raft"),
        affects=Affects.FILM,
        idle=_nothing_is_carried,
    )
    raft_weights: str = setting(
        "",
        "the file of torchvision's weights for raft_small or raft_large",
        metavar="FILE.pth",
        affects=Affects.FILM,
        no_files=(),
        idle=_no_network,
    )
    vectors: str = setting(
        "",
        "a renderer's motion vectors, such as shot.vec.####.exr: they say where pixels were, and --motion only where "
        "they do not",
        metavar="PATTERN.exr",
        affects=Affects.FILM,
        no_files=(),
        idle=_nothing_is_carried,
    )
    vectors_format: str = setting(
        "plain",
        "whose channels they are; plain: u, v to the previous frame, y down",
        choices=VECTOR_FORMATS,
        idle=_no_vectors,
    )
    vectors_scale: float = setting(
        1.0,
        "they are multiplied with it, to be of one frame: 2 for those of half a frame, -1 to turn them round",
        minimum=-1000,
        maximum=1000,
        check=_check_scale,
        idle=_no_vectors,
        constant="a clip's vectors are all read alike",
    )
    vectors_y: str = setting(
        "auto", "where their y points; auto: as usual in their format", choices=("auto", "up", "down"), idle=_no_vectors
    )

    @property
    def weights_file(self) -> Path | None:
        """Of RAFT, if one is named."""
        return Path(self.raft_weights) if self.raft_weights else None

    @property
    def vectors_path(self) -> Path | None:
        """The vectors' pattern, if there is one."""
        return Path(self.vectors) if self.vectors else None
