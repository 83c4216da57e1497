"""The job of a study: some of its trials, those that may train together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from benchmark.execute.cells import now
from benchmark.execute.code import exactly
from benchmark.execute.events import Epoch, Report
from benchmark.execute.task import Origin
from benchmark.records.cell import Group
from benchmark.records.study import Study
from benchmark.records.trial import Attempt, Proposal, Trial


@dataclass(frozen=True)
class Tried:
    """The trials that were tried; none, with the reason, where the method cannot run on the dataset."""

    trials: tuple[Trial, ...]
    skipped: str = ""


@dataclass(frozen=True)
class TryTrials:
    """Try settings of a method on a dataset's training and validation rows."""

    study: Study
    proposals: tuple[Proposal, ...]
    origin: Origin

    @property
    def dataset(self) -> str:
        return self.study.dataset

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(proposal.number for proposal in self.proposals)

    @property
    def group(self) -> Group:
        """Returns what a user sees: the trials' numbers in the place of seeds."""
        variant = f"{self.study.variant} {_span(self.numbers)}"
        return Group(self.study.dataset, self.study.method, variant, self.numbers)

    def serve(self, report: Report) -> Tried:
        """Returns the trials. Test rows are not read. Raises CodeMoved where the method is no longer the one that was
        asked for."""
        from benchmark.tuning.training import Bench, attempts
        from datasets.cache import load
        from datasets.registry import get
        from methods.base import Method

        dataset = get(self.dataset, self.origin.root)
        table = load(dataset, self.origin.root)
        with exactly(self.origin.files):
            method = self.origin.method(self.study.method)
            if reason := method.supports(table.schema):
                return Tried((), reason)
            rows, valid = table.view("train"), table.view("valid")
            bench = Bench(method, table.schema, rows, valid, dataset.protocol, self.origin.device)
            epochs = dataset.protocol.epochs if issubclass(method, Method) else len(self.proposals)

            def progress(epoch: int, active: int) -> None:
                report(Epoch(epoch, epochs, active, rows=len(rows) * max(active, 1)))

            made = attempts(bench, [proposal.config for proposal in self.proposals], progress)
        protocol = msgspec.to_builtins(dataset.protocol)
        pairs = zip(self.proposals, made, strict=True)
        return Tried(tuple(self.trial(one, attempt, protocol, table.fingerprint) for one, attempt in pairs))

    def trial(self, proposal: Proposal, attempt: Attempt, protocol: dict[str, Any], data: str) -> Trial:
        """Returns the trial of one of the proposals. data: the prepared table's fingerprint."""
        return Trial(
            dataset=self.study.dataset,
            method=self.study.method,
            variant=self.study.variant,
            number=proposal.number,
            proposer=proposal.proposer,
            params=dict(sorted(proposal.params.items())),  # as a file has them
            config=dict(sorted(proposal.config.items())),
            protocol=protocol,
            outcome=attempt.outcome,
            error=attempt.error,
            objective=attempt.objective,
            curve=attempt.curve,
            seconds=round(attempt.seconds, 3),
            together=attempt.together,
            device=self.origin.device,
            sampler=dict(proposal.sampler),
            identity=self.origin.identity(proposal.config, protocol, data),
            command=self.origin.command,
            finished=now(),
        )


def _span(numbers: Sequence[int]) -> str:
    """Returns the numbers in words: "trials 0-3", "trials 2,5"."""
    whole = len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1))
    text = f"{numbers[0]}-{numbers[-1]}" if whole else ",".join(map(str, numbers))
    return f"trial{'s' if len(numbers) > 1 else ''} {text}"
