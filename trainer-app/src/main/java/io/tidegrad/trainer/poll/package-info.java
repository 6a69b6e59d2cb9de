/// How events reach the topology: in bursts, until the trainer is to stop.
@NullMarked
package io.tidegrad.trainer.poll;

import org.jspecify.annotations.NullMarked;
