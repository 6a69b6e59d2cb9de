/// Learning again from a log: replay of a range, verification of a published version, and the search for a learning rate.
@NullMarked
package io.tidegrad.replay;

import org.jspecify.annotations.NullMarked;
