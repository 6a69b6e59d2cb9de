/// What is learned again from a log that is already there: replay of a range, verification of a published version, and
/// the search for a learning rate. Nothing of it runs in a trainer.
@NullMarked
package io.tidegrad.replay;

import org.jspecify.annotations.NullMarked;
