/// How good predictions are, and whether that changes: metrics, windows, and detectors of drift. Doubles in a fixed order,
/// no clock and no thread, so that equal events give equal bits; adding an event allocates nothing.
@NullMarked
package io.tidegrad.model.evaluation;

import org.jspecify.annotations.NullMarked;
