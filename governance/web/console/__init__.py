"""The console: server-rendered pages for people. Holds no rule: who may see what is decided by the use cases."""

from governance.web.console.pages import blueprint

__all__ = ["blueprint"]
