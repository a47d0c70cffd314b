"""Heatmaps of whole folders: streamed, journaled, and resumed where they stopped.

    job        what is computed (`Job`), of which pictures (`Source`), in which batches (`Batch`)
    work       one batch, from paths to files and rows: `run_batch(model, job, batch)`
    engines    who computes the batches: `Local` here with tf.data, others elsewhere
    driver     `Run`: plan, believe what is there, hand out the rest, journal each row
    journal    rows on disk, appended and flushed; a torn last line does no harm
    files      whole files or none: write, flush, sync, rename
    tables     rows → results.csv or results.parquet
    gallery    rows → index.html

The seam for another engine
---------------------------
A `Job` is plain data and pickles: how to open the model (`source`, keywords of `explain.load`) and the key
that it must have, method, options, layer, class, output, looks, batch size, the folder to write into.
`batches_of(sources, job.batch)` numbers batches 0..n. Their composition is fixed by the sorted list of files,
whatever was computed before and whichever of them turn out to be broken: so that a batch that is computed
again, here or elsewhere, now or after a crash, gives the same bits and writes the same files.

`run_batch(model, job, batch) -> list[Row]` is all that a worker does. It reads the pictures, computes
their heatmaps fresh in one pass, writes each file atomically under its own name in `job.out`, and gives
one row for each source: {"n", "of", "item"} or {"n", "of", "skip"}. Running it twice does no harm.
`open_model(job)` opens the model in another process, and refuses one with another key.

An engine is an object with

    run(model, job, batches, stopping) -> Iterator[list[Row]]

that hands out rows as they become ready, in any order, each source's once, and looks at `stopping()` now and
then. `model` is the driver's own, opened already; an engine of other processes opens its own. In its context
`begun(batches)` what takes its time begins while the driver opens its model; `run` works without that. What the
driver has been given it journals; what it has not been given is computed again by the next run.
"""

from explain.folders.driver import Run
from explain.folders.engines import ENGINES, Engine, Local, engine_of
from explain.folders.job import Batch, Job, Source, batches_of
from explain.folders.work import Row, open_model, run_batch

__all__ = [
    "ENGINES", "Batch", "Engine", "Job", "Local", "Row", "Run", "Source", "batches_of", "engine_of", "open_model",
    "run_batch",
]  # fmt: skip
