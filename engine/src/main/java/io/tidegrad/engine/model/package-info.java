@NullMarked
package io.tidegrad.engine.model;

import org.jspecify.annotations.NullMarked;
