from __future__ import annotations

import os
import stat

import pytest

from ermask.control_token import (
    TOKEN_NAME,
    create_control_token,
    read_control_token,
    remove_control_token,
)
from ermask.errors import DaemonNotRunning, UnsafePermissions


def test_each_start_has_its_own_token(tmp_path):
    first = create_control_token(tmp_path)
    second = create_control_token(tmp_path)
    assert len(first) == len(second) == 43
    assert first != second
    assert read_control_token(tmp_path) == second
    remove_control_token(tmp_path)
    remove_control_token(tmp_path)
    with pytest.raises(DaemonNotRunning):
        read_control_token(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_the_file_is_private_and_must_stay_so(tmp_path):
    create_control_token(tmp_path)
    path = tmp_path / TOKEN_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(UnsafePermissions):
        read_control_token(tmp_path)
