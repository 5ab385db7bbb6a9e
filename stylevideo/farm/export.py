"""A film's three steps as those write them down who start commands: OpenJD, Slurm, or any that takes a list of them.

Everything that is asked for stands in the commands, so that nothing of the machine on which they run counts, no
job file and no user file. Films are exported each by itself; submits nothing.
"""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylevideo.errors import InputError, SettingsError
from stylevideo.media.decode.reader import open_clip
from stylevideo.planning.inputs import PathWriter, with_whole_paths
from stylevideo.planning.request import ClipRequest
from stylevideo.settings.settings import Settings, as_flag, leaves
from stylevideo.settings.style import MatteName
from stylevideo.timeline.ranges import select_frames

MOST_NAME_SIGNS = 128
END_WITHIN_S = 60
"""Between being asked to end and being killed: for the state that painting is gone on from."""
_SLURM = """\
#!/bin/sh
# {film}
# Submit it with `sh {file}`; what each of the three jobs does stands below.
#SBATCH --requeue
set -eu
case "${{1:-submit}}" in
submit)
    plan=$(sbatch --parsable {gpu}--job-name {plan} "$0" plan)
    paint=$(sbatch --parsable {gpu}--job-name {paint} --array 1-{parts} --dependency "afterok:${{plan%%;*}}" "$0" paint)
    sbatch --parsable --job-name {assemble} --dependency "afterok:${{paint%%;*}}" "$0" assemble ;;
plan)
    exec {plan_words} ;;
paint)
    exec {paint_words} --part "$SLURM_ARRAY_TASK_ID/{parts}" ;;
assemble)
    exec {assemble_words} ;;
esac
"""


@dataclass(frozen=True)
class FarmJob:
    """A film with what its commands say.

    Attributes:
        name: of its files.
        request: the film.
        parts: that it is dealt out in.
        gpus: that a machine needs to paint it.
    """

    name: str
    request: ClipRequest
    parts: int
    gpus: int

    def words(self, action: str, path: PathWriter = lambda name, path: str(path)) -> list[str]:
        """The command of a step, without a part.

        Args:
            action: the step.
            path: says how a path is written, which is known by a name.
        """
        request = self.request
        styles = []
        for number, style in enumerate(request.styles, 1):
            styles += ["--style", replace(style, path=Path(path(f"Style{number}", style.path))).text]
            if style.matte:
                matte = MatteName.parse(style.matte)
                styles += ["--matte", str(replace(matte, path=Path(path(f"Matte{number}", matte.path))))]
        parts = ["--parts", str(self.parts)] if action == "plan" else []
        return [
            *("stylevideo", "farm", action, path("Clip", request.source), "-o", path("Film", request.output)),
            *(*styles, *self._settings(path), "--config", "none", *parts),
        ]

    def _settings(self, path: PathWriter) -> Iterator[str]:
        """Flags of what is not as usual."""
        settings, usual = self.request.settings, Settings()
        if self.gpus and settings.optimizer.device == usual.optimizer.device:
            settings = settings.with_values(device="cuda")  # else a plan on a machine without one would be for CPUs
        for leaf in leaves():
            value = settings.value(leaf.name)
            if value != usual.value(leaf.name):
                yield from as_flag(leaf.name, with_whole_paths(leaf, value, path))


def farm_jobs(requests: Sequence[ClipRequest], chunk_frames: int, gpus: int) -> list[FarmJob]:
    """The films, each in as many parts as its frames ask for.

    Args:
        requests: the films.
        chunk_frames: frames that a part has, about.
        gpus: that a machine needs to paint them.
    Raises:
        InputError: a clip cannot be read.
        SettingsError: something does not go with a farm.
    """
    if len(requests) > 1 and any(request.settings.output.report for request in requests):
        raise SettingsError("Each film is put together by itself, and a --report is of all. Leave it out.")
    jobs, names = list[FarmJob](), Counter[str]()
    for request in requests:
        if request.settings.output.restart:
            raise SettingsError(
                "--restart would throw away what is painted whenever the plan's command is run again. Leave it out, "
                "and run `stylevideo farm plan` with it once."
            )
        if request.shot:
            raise SettingsError(
                "An export says everything in flags, and tables of shots stand in job files alone. Run `stylevideo "
                "farm plan`, `paint` and `assemble` with the job file, or make each shot a clip by itself with "
                "--frames."
            )
        footage, name = request.settings.footage, request.places.name
        info = open_clip(request.source, Fraction(footage.rate))
        selection = select_frames(info, footage.frames, footage.start, footage.end, footage.handles)
        parts = 1 if request.settings.temporal.loop else math.ceil(len(selection.frames) / chunk_frames)
        names[name] += 1
        jobs.append(FarmJob(name if names[name] == 1 else f"{name}-{names[name]}", request, parts, gpus))
    return jobs


def export_openjd(jobs: Sequence[FarmJob]) -> dict[str, str]:
    """A template of OpenJD for each film, and the values of its parameters, by the names of their files."""
    files = {}
    for job in jobs:
        template, parameters = _template(job)
        files[f"{job.name}.openjd.json"] = json.dumps(template, indent=1) + "\n"
        files[f"{job.name}.parameters.json"] = json.dumps(parameters, indent=1) + "\n"
    return files


def export_slurm(jobs: Sequence[FarmJob]) -> dict[str, str]:
    """A script for each film that submits an array between two jobs, by the names of their files."""
    return {f"{job.name}.slurm.sh": _script(job) for job in jobs}


def export_commands(jobs: Sequence[FarmJob]) -> dict[str, str]:
    """A list of commands for each step, by the names of their files; within a list they may run in any order."""
    paint = [[*job.words("paint"), "--part", f"{part}/{job.parts}"] for job in jobs for part in range(1, job.parts + 1)]
    lists = {
        "1-plan.txt": [job.words("plan") for job in jobs],
        "2-paint.txt": paint,
        "3-assemble.txt": [job.words("assemble") for job in jobs],
    }
    return {name: "".join(f"{shlex.join(words)}\n" for words in commands) for name, commands in lists.items()}


EXPORTS: Mapping[str, Callable[[Sequence[FarmJob]], dict[str, str]]] = {
    "openjd": export_openjd,
    "slurm": export_slurm,
    "commands": export_commands,
}


def write_exports(files: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, which is made if it is not there; none takes the place of another.

    Raises:
        InputError: one is there, or cannot be written.
    """
    paths = tuple(folder / name for name in files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            if path.exists():
                raise InputError(f"{path} is already there. Remove it, or choose another folder with -o.")
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}). Choose another folder with -o.") from error
    return paths


def _script(job: FarmJob) -> str:
    gpu = f"--gres gpu:{job.gpus} " if job.gpus else ""
    film, file = (" ".join(str(name).split()) for name in (job.request.output, f"{job.name}.slurm.sh"))
    names = {step: shlex.quote(f"{step} {job.name}") for step in ("plan", "paint", "assemble")}
    commands = {f"{step}_words": shlex.join(job.words(step)) for step in names}
    return _SLURM.format(film=film, file=file, gpu=gpu, parts=job.parts, **names, **commands)


def _template(job: FarmJob) -> tuple[dict[str, Any], dict[str, str]]:
    """See "Template Schemas [Version: 2023-09]" of the Open Job Description specification.

    Paths are parameters, so that they are mapped; their data is moved by nobody, since the folder is shared. Defaults
    would have to be relative.
    """
    paths = dict[str, str]()

    def parameter(name: str, path: Path) -> str:
        paths[name] = str(path)
        return f"{{{{Param.{name}}}}}"

    steps = {action: job.words(action, parameter) for action in ("plan", "paint", "assemble")}
    if " ".join(steps["paint"]).count("{{") > len(paths):
        raise SettingsError(
            f"OpenJD would take two braces in the settings of {job.request.output} for its own. Leave them out."
        )
    steps["paint"] += ["--part", f"{{{{Task.Param.Part}}}}/{job.parts}"]
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": job.name.replace("{{", "{ {")[:MOST_NAME_SIGNS],
        "description": "Made by `stylevideo farm export openjd`; docs/farm.md says what must be shared.",
        "parameterDefinitions": [
            {"name": name, "type": "PATH", "objectType": "FILE", "dataFlow": "NONE"} for name in paths
        ],
        "steps": [
            _step("Plan", steps["plan"], job.gpus, {}),
            _step("Paint", steps["paint"], job.gpus, {"dependencies": [{"dependsOn": "Plan"}], **_parts(job.parts)}),
            _step("Assemble", steps["assemble"], 0, {"dependencies": [{"dependsOn": "Paint"}]}),
        ],
    }
    return template, paths


def _parts(count: int) -> dict[str, Any]:
    return {"parameterSpace": {"taskParameterDefinitions": [{"name": "Part", "type": "INT", "range": f"1-{count}"}]}}


def _step(name: str, words: Sequence[str], gpus: int, more: Mapping[str, Any]) -> dict[str, Any]:
    program, *arguments = words
    action = {
        "command": program,
        "args": [*arguments, "--progress", "openjd"],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": END_WITHIN_S},
    }
    needs = {"hostRequirements": {"amounts": [{"name": "amount.worker.gpu", "min": gpus}]}} if gpus else {}
    return {"name": name, **needs, **more, "script": {"actions": {"onRun": action}}}
