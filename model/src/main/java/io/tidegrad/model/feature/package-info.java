@NullMarked
package io.tidegrad.model.feature;

import org.jspecify.annotations.NullMarked;
