@NullMarked
package io.tidegrad.engine.kernel;

import org.jspecify.annotations.NullMarked;
