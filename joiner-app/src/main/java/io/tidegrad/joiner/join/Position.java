package io.tidegrad.joiner.join;

/// Where a record lies in its topic.
public record Position(int partition, long offset) {
    @Override
    public String toString() {
        return partition + " offset " + offset;
    }
}
