"""Run by mpirun: the outcomes of some geometries of a small scan; rank 0 writes them.

usage: geometry_program.py OUT.npz
"""

import sys

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho.doctor.finding import middle_frames
from nanompi.methods.ptycho.doctor.search import Search
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.methods.ptycho.scan import Frames
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.run.perform import Options, Run
from nanompi.run.reading import Input

if __name__ == "__main__":
    with Team() as team:
        discover()
        scan = Simulate(simulate=Simulation(frames=60, size=32, photons=1e6)).open("", Input())
        own = np.array_split(np.arange(60), team.size)[team.rank]
        counts = np.fft.ifftshift(scan.source.read(own), axes=(1, 2)).swapaxes(1, 2).copy()
        frames = Frames(values=counts, index=own, mask=np.ones((32, 32), bool), corner=True, pixel=scan.pixel)
        run = Run(team, Cpu("single", 1), Options(), None, clock=team.clock)
        run.data = {"data": scan, "frames": frames}
        geometry = Geometry(scan.wavelength, scan.distance, scan.pixel, (32, 32))
        search = Search(run, *middle_frames(run, geometry))
        best, by = search.orientation()
        if team.root:
            deviance = np.array([o.deviance for o in search.known.values()])
            np.savez(sys.argv[1], deviance=deviance, best=[best.turn, best.lag], clear=by.clear)
