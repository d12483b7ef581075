"""The proxy that the environment names for Abillify's address (HTTPS_PROXY, ALL_PROXY, NO_PROXY)."""

from ipaddress import ip_address
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore


def proxy_for(base_url: str) -> httpcore.Proxy | None:
    """None for loopback, for what NO_PROXY names, and for `http://`, which leads to loopback only.

    Raises:
        ValueError: it is no `http://` proxy; others are not supported. The message repeats no password.
    """
    parts = urlsplit(base_url)
    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address or parts.scheme != "https" or _is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc):
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ValueError("the proxy in HTTPS_PROXY or ALL_PROXY must be an http:// address; correct it or unset it")
    auth = (unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode())
    host = f"[{proxy.hostname}]" if ":" in proxy.hostname else proxy.hostname
    return httpcore.Proxy(f"http://{host}:{proxy.port or 80}", auth=auth if proxy.username else None)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
