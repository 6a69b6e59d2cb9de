@NullMarked
package io.tidegrad.model.snapshot;

import org.jspecify.annotations.NullMarked;
