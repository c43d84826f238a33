# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in node: what may live here is the behaviour of go-livepeer that the collection can see, and nothing else.

Python 3.10 standard library only. Each module has one job; a docstring names the source of each fact, either as
`file:symbol` of the go-livepeer repository (0.9.1) or as a recording. Modules that begin with `go` are the rules of the
Go language's own library.
"""
