/// Learning a stretch of the log again, as fast as the engine goes: what a trainer needs to begin the epoch of a
/// rollback, and what replay and verification are built on.
@NullMarked
package io.tidegrad.trainer.relearn;

import org.jspecify.annotations.NullMarked;
