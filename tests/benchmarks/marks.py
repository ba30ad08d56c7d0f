import sys

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the load client waits by epoll, which only Linux has")
