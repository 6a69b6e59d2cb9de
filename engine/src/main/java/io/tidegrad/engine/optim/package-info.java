@NullMarked
package io.tidegrad.engine.optim;

import org.jspecify.annotations.NullMarked;
