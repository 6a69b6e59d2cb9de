/// Checks a joiner's examples against the raw records that they were made of.
@NullMarked
package io.tidegrad.joiner.verify;

import org.jspecify.annotations.NullMarked;
