@NullMarked
package io.tidegrad.engine.testing;

import org.jspecify.annotations.NullMarked;
