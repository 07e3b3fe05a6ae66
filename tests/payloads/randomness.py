"""Prints random values of every source a program is likely to use: JSON object of name -> text."""

import json
import os
import random
import secrets
import ssl
import tempfile
import uuid

values = {
    "random": random.getrandbits(128),
    "random.Random": random.Random().getrandbits(128),
    "shuffle": random.sample(range(10**9), 4),
    "uuid1": uuid.uuid1(),
    "uuid4": uuid.uuid4(),
    "secrets": secrets.token_hex(16),
    "urandom": os.urandom(16).hex(),
    "ssl": ssl.RAND_bytes(16).hex(),
    "tempfile": next(tempfile._get_candidate_names()),
    "mkdtemp": tempfile.mkdtemp(),
}
try:
    import numpy

    values["numpy legacy"] = numpy.random.randint(0, 2**62, 2).tolist()
    values["numpy rand"] = numpy.random.rand(2).tolist()
    values["numpy default_rng"] = numpy.random.default_rng().integers(0, 2**62, 2).tolist()
    values["numpy RandomState"] = numpy.random.RandomState().randint(0, 2**62, 2).tolist()
except ImportError:
    pass
print(json.dumps({name: str(value) for name, value in values.items()}))
