"""The worker's side: needs the standard library, numpy, torch, matscipy and one backend's package.

It runs in that backend's environment (`python …/external/worker BACKEND`) and imports nothing of
umklapp; relative imports let both sides share `messages`.
"""
