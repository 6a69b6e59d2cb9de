/// How events reach the topology: what a poll gave comes as bursts, and stops when the trainer is to stop.
@NullMarked
package io.tidegrad.trainer.poll;

import org.jspecify.annotations.NullMarked;
