@NullMarked
package io.tidegrad.engine.layer;

import org.jspecify.annotations.NullMarked;
