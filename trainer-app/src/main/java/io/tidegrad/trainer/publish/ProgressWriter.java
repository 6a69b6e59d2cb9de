package io.tidegrad.trainer.publish;

import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.Report;

/// A report as the value of a record on the progress topic.
@FunctionalInterface
public interface ProgressWriter {
    byte[] write(ModelStore store, Report report);
}
