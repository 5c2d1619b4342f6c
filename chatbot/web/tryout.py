class Tryout:
    def __init__(self, app): pass
    async def __call__(self, scope, receive, send): raise NotImplementedError
