@NullMarked
package io.tidegrad.engine.snapshot;

import org.jspecify.annotations.NullMarked;
