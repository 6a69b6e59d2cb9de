@NullMarked
package io.tidegrad.engine.loss;

import org.jspecify.annotations.NullMarked;
