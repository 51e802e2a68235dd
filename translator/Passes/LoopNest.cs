using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// The loops of a region, and those inside them, as strongly connected parts of its graph: what is done on the way into one is done once for all its turns.
/// </summary>
internal sealed class LoopNest
{
    private readonly IReadOnlyList<RegionBlock> _blocks;
    private readonly RegionGraph _graph;
    private readonly HashSet<(int From, int To)> _entering = [];

    /// <summary>Branches from inside a loop to where it is entered, which are left out to find the loops in it.</summary>
    private readonly HashSet<(int From, int To)> _closing = [];

    /// <summary>Analyses blocks whose entries are numbered.</summary>
    public LoopNest(IReadOnlyList<RegionBlock> blocks, RegionGraph graph)
    {
        _blocks = blocks;
        _graph = graph;
        Find([.. Enumerable.Range(0, blocks.Count)]);
    }

    /// <summary>Whether control comes into a loop this way.</summary>
    public bool Enters(int from, int to) => _entering.Contains((from, to));

    private void Find(HashSet<int> within)
    {
        foreach (HashSet<int> loop in new Components(this, within).Loops)
        {
            HashSet<int> heads = [];
            for (int from = 0; from < _blocks.Count; from++)
            {
                foreach (int to in loop.Contains(from) ? [] : _graph.SuccessorsOf(from).Where(loop.Contains))
                {
                    _entering.Add((from, to));
                    heads.Add(to);
                }
            }

            if (heads.Count == 0)
            {
                // Only the region's own entries lead here.
                heads.Add(loop.OrderBy(block => _blocks[block].Entry < 0).ThenBy(static block => block).First());
            }

            foreach (int from in loop)
            {
                _closing.UnionWith(_graph.SuccessorsOf(from).Where(heads.Contains).Select(to => (from, to)));
            }

            Find(loop);
        }
    }

    /// <summary>Tarjan's algorithm.</summary>
    private sealed class Components
    {
        private readonly LoopNest _nest;
        private readonly HashSet<int> _within;
        private readonly Dictionary<int, int> _order = [];
        private readonly Dictionary<int, int> _lowest = [];
        private readonly Stack<int> _open = new();

        public Components(LoopNest nest, HashSet<int> within)
        {
            _nest = nest;
            _within = within;
            foreach (int block in within)
            {
                if (!_order.ContainsKey(block))
                {
                    Visit(block);
                }
            }
        }

        /// <summary>Components from which control may come back to them.</summary>
        public List<HashSet<int>> Loops { get; } = [];

        private IEnumerable<int> Next(int block) => _nest._graph.SuccessorsOf(block).Where(next => _within.Contains(next) && !_nest._closing.Contains((block, next)));

        private void Visit(int block)
        {
            _order[block] = _lowest[block] = _order.Count;
            _open.Push(block);
            foreach (int next in Next(block))
            {
                if (!_order.TryGetValue(next, out int order))
                {
                    Visit(next);
                    _lowest[block] = Math.Min(_lowest[block], _lowest[next]);
                }
                else if (_open.Contains(next))
                {
                    _lowest[block] = Math.Min(_lowest[block], order);
                }
            }

            if (_lowest[block] != _order[block])
            {
                return;
            }

            HashSet<int> component = [];
            int member;
            do
            {
                member = _open.Pop();
                component.Add(member);
            }
            while (member != block);

            if (component.Count > 1 || Next(block).Contains(block))
            {
                Loops.Add(component);
            }
        }
    }
}
