@NullMarked
package io.tidegrad.control;

import org.jspecify.annotations.NullMarked;
