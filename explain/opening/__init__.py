"""Opening a model: by name from the zoo, from a file, or one that is already in memory.

    loading.py           load and wrap
    zoo.py               the table of names, and how each is built
    fetch.py             weights from the internet, with progress, whole or not at all
    efficientnet_lite.py the embedded network
    state_dict.py        numbers out of a PyTorch file, without PyTorch and without running it
    labels.py            the names of the 1000 ImageNet classes
    guess.py             the scaling, when nobody says

The table and the labels cost no TensorFlow; the rest does.
"""
