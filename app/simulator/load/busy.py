"""A process that always has something to do: neighbours of the server's on its core, of the same priority."""


def main() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
