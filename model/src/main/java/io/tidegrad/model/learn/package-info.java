@NullMarked
package io.tidegrad.model.learn;

import org.jspecify.annotations.NullMarked;
