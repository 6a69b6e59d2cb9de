@NullMarked
package io.tidegrad.replay.backtest;

import org.jspecify.annotations.NullMarked;
