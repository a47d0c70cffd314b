"""The door: what a network saw, at one layer, for one class. Its parts:

    door.py      tap and resume, under the one tracing lock
    heads.py     from an output tensor to scores and probabilities
    network.py   a model, its layers, and the functions compiled from it
    probing.py   a network bound to pictures, layer and classes
    ascent.py    the compiled climb that makes patterns
    store.py     a dictionary with a budget
"""
