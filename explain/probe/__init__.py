"""The door: what a network saw, at one layer, for one class. Its parts:

    door.py       tap and resume, under the one tracing lock
    heads.py      from an output tensor to scores and probabilities
    anatomy.py    what the input is, what the layers are, which of them a heatmap may belong to
    grids.py      tokens as a map
    surveying.py  one trace that tells all this
    entrance.py   how a picture becomes the input
    reach.py      which layers have a say in a score
    weights.py    what is wrong with a network's numbers
    network.py    a model, its layers, and the functions compiled from it
    cutting.py    a piece of a traced graph
    variants.py   other pictures in place of one: how many at once, and what has no content
    probing.py    a network bound to pictures, layer and classes
    ascent.py     the compiled climb that makes patterns
"""
