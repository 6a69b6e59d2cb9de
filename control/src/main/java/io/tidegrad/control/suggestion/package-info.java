/// Specs to start from, by what a sample of events shows.
@NullMarked
package io.tidegrad.control.suggestion;

import org.jspecify.annotations.NullMarked;
