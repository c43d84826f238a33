# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory and its database (starter.go:StartLivepeer, common/db.go:InitDB)."""

from __future__ import annotations

import os
import pwd
import sqlite3

from . import golog
from .goflags import go_error_text
from .lifecycle import Ended
from .settings import Settings

DATABASE_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS kv (
    key STRING PRIMARY KEY, value STRING, updatedAt STRING DEFAULT CURRENT_TIMESTAMP);
INSERT OR IGNORE INTO kv(key, value) VALUES ('dbVersion', 1);
CREATE TABLE IF NOT EXISTS orchestrators (
    ethereumAddr STRING PRIMARY KEY, createdAt STRING DEFAULT CURRENT_TIMESTAMP NOT NULL,
    updatedAt STRING DEFAULT CURRENT_TIMESTAMP NOT NULL, serviceURI STRING, pricePerPixel int64,
    activationRound int64, deactivationRound int64, stake int64);
CREATE TABLE IF NOT EXISTS unbondingLocks (
    createdAt STRING DEFAULT CURRENT_TIMESTAMP, id INTEGER NOT NULL, delegator STRING, amount TEXT,
    withdrawRound int64, usedBlock int64, PRIMARY KEY(id, delegator));
CREATE INDEX IF NOT EXISTS idx_unbondinglocks_usedblock ON unbondingLocks(usedBlock);
CREATE TABLE IF NOT EXISTS ticketQueue (
    createdAt DATETIME DEFAULT CURRENT_TIMESTAMP, sender STRING, recipient STRING, faceValue BLOB, winProb BLOB,
    senderNonce INTEGER, recipientRand BLOB, recipientRandHash STRING, sig BLOB PRIMARY KEY, creationRound int64,
    creationRoundBlockHash STRING, paramsExpirationBlock int64, redeemedAt DATETIME, txHash STRING);
CREATE INDEX IF NOT EXISTS idx_ticketqueue_sender ON ticketQueue(sender);
CREATE TABLE IF NOT EXISTS blockheaders (number int64, parent STRING, hash STRING PRIMARY KEY, logs BLOB);
CREATE INDEX IF NOT EXISTS idx_blockheaders_number ON blockheaders(number);
"""


def locate(settings: Settings) -> str:
    """-dataDir, or ~/.lpData/<network>; without a home the start ends with status 2."""
    directory = settings.text("dataDir")
    if directory:
        return directory
    home = os.environ.get("HOME", "")
    if not home:
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            golog.exit_two(f"Cannot find current user: user: unknown userid {os.getuid()}")
    return os.path.join(home, ".lpData", settings.text("network"))


def create(directory: str) -> None:
    """Made with mode 0755 when missing; a failure is logged and shows at the database."""
    try:
        os.stat(directory)
    except FileNotFoundError:
        golog.info(f"Creating data dir: {directory}")
        try:
            os.makedirs(directory, 0o755, exist_ok=True)
        except OSError as error:
            golog.error(f"Error creating datadir: mkdir {directory}: {go_error_text(error)}")
    except OSError:
        return


class Database:
    """lpdb.sqlite3: only the keys that decide a start are used."""

    def __init__(self, directory: str) -> None:
        self.path = directory + "/lpdb.sqlite3"
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._connection.executescript(SCHEMA)
            found = self._select("dbVersion")
        except sqlite3.Error as error:
            raise Ended(f"Error opening DB: {error}") from error
        if found is not None and int(found) > DATABASE_VERSION:
            raise Ended("Error opening DB: Database version is too new")

    def _select(self, key: str) -> str | None:
        row = self._connection.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def check_or_store_chain(self, chain_id: int) -> None:
        """starter.go:checkOrStoreChainID: off-chain is chain 0; a directory never changes its chain."""
        try:
            stored = self._select("chainID")
            if stored is None:
                self._connection.execute("INSERT INTO kv(key, value) VALUES ('chainID', ?)", (str(chain_id),))
                return
        except sqlite3.Error as error:
            raise Ended(str(error)) from error
        if stored != str(chain_id):
            raise Ended(
                f"expecting chainID of {stored}, but got {chain_id}. Did you change networks without changing network name or datadir?"
            )


def read_from_file(text: str) -> str:
    """common/readfromfile.go:ReadFromFile: the content of a good file, else the text itself."""
    try:
        if os.path.isdir(text):
            return text
        with open(text, "rb") as file:
            content = file.read().decode("utf-8", "surrogateescape").strip()
    except (OSError, ValueError):
        return text
    return content or text
