/// Learning a stretch of the log again. A trainer needs it to begin an epoch after a rollback, and replay and verification
/// are built on it.
@NullMarked
package io.tidegrad.trainer.relearn;

import org.jspecify.annotations.NullMarked;
