@NullMarked
package io.tidegrad.model.spec;

import org.jspecify.annotations.NullMarked;
