# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in chain: what may live here answers the questions that go-livepeer asks an Ethereum endpoint, and nothing else.

No consensus and no EVM: a clock that makes blocks, and a table of contract reads, both fed from one document (`document.py`)
that can be changed while nodes run. Standard library only; `keys.py` needs `cryptography`, which ansible-core brings.
"""
