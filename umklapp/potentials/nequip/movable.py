"""Checkpoints of a training whose folder may be moved or copied between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint


class MovableCheckpoint(ModelCheckpoint):
    """Lightning's, whose state forgets its best score where it is read from another folder."""

    @property
    def state_key(self) -> str:
        """As Lightning's own class would have it: states of earlier versions are read."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state with its paths in today's folder."""
        before = state_dict.get("dirpath")
        if before and self.dirpath and str(before) != str(self.dirpath):
            state_dict = _moved(state_dict, str(before), str(self.dirpath))
        super().load_state_dict(state_dict)


def _moved(value: Any, before: str, now: str) -> Any:
    """`value` with every path of the folder `before` in the folder `now`."""
    if isinstance(value, dict):
        return {_moved(key, before, now): _moved(item, before, now) for key, item in value.items()}
    if isinstance(value, str) and Path(value).is_relative_to(before):
        return type(value)(Path(now) / Path(value).relative_to(before))
    return value
