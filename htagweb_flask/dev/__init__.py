"""The development server: from a file to an app in the browser."""
