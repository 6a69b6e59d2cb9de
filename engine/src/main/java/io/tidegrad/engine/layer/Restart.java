package io.tidegrad.engine.layer;

/// Tensors that start again when a layer says so: their weights are drawn anew, their optimizer state is what it is before
/// the first update, and their updates count from 1.
///
/// @param statistics the tensor of statistics by which the layer says it
/// @param countAt index there of how often they have started again
/// @param sinceAt index there of the number of updates of the model before the last time
/// @param from the first of the tensors
/// @param to the end (exclusive) of the tensors
public record Restart(int statistics, int countAt, int sinceAt, int from, int to) {
    /// How often the tensors have started again.
    public long count(Slab slab) {
        return (long) slab.statistics(statistics)[countAt];
    }

    /// The number of updates of the model before the last time; 0 for never.
    public long since(Slab slab) {
        return (long) slab.statistics(statistics)[sinceAt];
    }

    public boolean has(int tensor) {
        return tensor >= from && tensor < to;
    }
}
