from pathlib import Path

import pytest

from insightengine.application.backup import BackupPolicy, WalPolicy
from insightengine.core.settings import StateFolder
from insightengine.recovery.house import Configuration
from insightengine.wiring.recovery import CONFIGURATION, folders_of, recovery_folder
from insightengine.worker.wal_receiver import spool_in


@pytest.mark.parametrize("chosen", [None, "received", "/srv/wal"])
def test_the_receiver_finds_the_folder_that_the_others_read_from(
    tmp_path: Path, chosen: str | None
) -> None:
    state = StateFolder(tmp_path)
    configuration = Configuration(
        "shop", str(tmp_path / "project"), backup=BackupPolicy(wal=WalPolicy(folder=chosen))
    )
    root = recovery_folder(state)
    root.mkdir()
    (root / "configuration.json").write_bytes(CONFIGURATION.dump_json(configuration))
    assert spool_in(root) == folders_of(state, configuration).spool
