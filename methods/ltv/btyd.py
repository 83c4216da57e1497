"""The models of `methods.btyd` as functions of arrays, under one roof."""

from methods.btyd.bgnbd import bgnbd_alive, bgnbd_expected
from methods.btyd.gammagamma import gammagamma_fit, gammagamma_mean
from methods.btyd.mbgnbd import mbgnbd_alive, mbgnbd_expected
from methods.btyd.paretonbd import paretonbd_alive, paretonbd_expected

__all__ = [
    "bgnbd_alive",
    "bgnbd_expected",
    "gammagamma_fit",
    "gammagamma_mean",
    "mbgnbd_alive",
    "mbgnbd_expected",
    "paretonbd_alive",
    "paretonbd_expected",
]
