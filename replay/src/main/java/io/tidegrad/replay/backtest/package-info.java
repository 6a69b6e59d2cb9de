/// A model's past, learned from a file and without Kafka.
@NullMarked
package io.tidegrad.replay.backtest;

import org.jspecify.annotations.NullMarked;
