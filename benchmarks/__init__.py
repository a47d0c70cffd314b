"""What things cost here, measured: `python -m benchmarks` prints one table.

Every row compares two sides in one run, in turns (ABAB…), warm, by their medians. So a row's ratio holds on
a busy machine too, and a limit can be put on it; milliseconds are for reading only.

    timing       turns, medians, a row
    networks     the networks, the pictures, the compiled forward pass they are compared with
    heatmaps     Grad-CAM of a new picture, of another class, of a batch; early activations
    memory       the peak memory of a batch, each side in a process of its own
    patterns     sixteen patterns against the gradient steps they are made of
    processes    a worker against a function call; the command line against an empty program
    walls        five hundred maps into one PNG
    folders      a folder of photos into overlays: time, peak memory, and ten crashes
    ray          the same folder on Ray, where it is installed
    sessions     ten visitors of the real dashboard against one; visitor: one of them
    peers        the same heatmap by other libraries, where they are installed
    table        the machine's facts, Markdown and JSON

Random weights (the same for every run) do for timing; only EfficientNet-Lite0 has its real ones.
"""
