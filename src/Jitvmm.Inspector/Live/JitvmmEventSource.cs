using System.Diagnostics.Tracing;
using Jitvmm.Inspector.Recording;

namespace Jitvmm.Inspector.Live;

/// <summary>
/// Tells .NET's tools what becomes of translations: <c>dotnet-counters monitor --counters Jitvmm</c>, <c>dotnet-trace collect --providers Jitvmm</c>. Nothing is counted for it while nobody listens.
/// </summary>
[EventSource(Name = "Jitvmm")]
public sealed class JitvmmEventSource : EventSource
{
    private readonly Lock _gate = new();
    private List<DiagnosticCounter>? _counters;
    private CacheRecorder? _recorder;
    private CacheTotals _totals;
    private long _totalled;

    private JitvmmEventSource()
    {
    }

    /// <summary>The only one.</summary>
    public static JitvmmEventSource Log { get; } = new();

    /// <summary>Which events somebody may ask for.</summary>
    public static class Keywords
    {
        /// <summary>Regions that are compiled.</summary>
        public const EventKeywords Compile = (EventKeywords)1;

        /// <summary>Translations that are thrown away.</summary>
        public const EventKeywords Invalidate = (EventKeywords)2;
    }

    /// <summary>A region was compiled and is entered from now on.</summary>
    /// <param name="Address">Guest address of its head.</param>
    /// <param name="Instructions">Guest instructions.</param>
    /// <param name="HostBytes">Bytes of host code.</param>
    /// <param name="Microseconds">What compiling took.</param>
    [Event(1, Level = EventLevel.Informational, Keywords = Keywords.Compile)]
    public void RegionCompiled(long Address, int Instructions, int HostBytes, long Microseconds) => WriteEvent(1, Address, Instructions, HostBytes, Microseconds);

    /// <summary>A block was thrown away, because its code changed.</summary>
    /// <param name="Address">Its guest address.</param>
    /// <param name="Cause">As <c>jitvmm cache invalidations</c> has it.</param>
    /// <param name="Writer">Guest address of the storing instruction; 0 when there is none.</param>
    [Event(2, Level = EventLevel.Informational, Keywords = Keywords.Invalidate)]
    public void BlockInvalidated(long Address, string Cause, long Writer) => WriteEvent(2, Address, Cause, Writer);

    /// <summary>Everything was thrown away.</summary>
    /// <param name="Blocks">How many blocks there were.</param>
    [Event(3, Level = EventLevel.Informational, Keywords = Keywords.Invalidate)]
    public void CacheFlushed(int Blocks) => WriteEvent(3, Blocks);

    /// <summary>Tells of this guest from now on.</summary>
    [NonEvent]
    public void Follow(CacheRecorder recorder)
    {
        lock (_gate)
        {
            _recorder = recorder;
        }
    }

    /// <inheritdoc/>
    protected override void OnEventCommand(EventCommandEventArgs command)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (command.Command != EventCommand.Enable || _counters != null)
        {
            return;
        }

        _counters =
        [
            Rate("instructions-interpreted", "Guest instructions in tier 0", "instructions", static totals => totals.Interpreted),
            Rate("instructions-compiled", "Guest instructions in compiled code", "instructions", static totals => totals.Compiled),
            Rate("exits", "Exits from generated code", "exits", static totals => totals.Exits),
            Rate("blocks-translated", "Blocks translated", "blocks", static totals => totals.Translations),
            Rate("blocks-invalidated", "Blocks invalidated", "blocks", static totals => totals.Invalidations),
            Rate("regions-compiled", "Regions compiled", "regions", static totals => totals.Regions),
            new PollingCounter("cache-bytes", this, () => Totals().CacheBytes) { DisplayName = "Code cache", DisplayUnits = "bytes" },
        ];
    }

    private IncrementingPollingCounter Rate(string name, string title, string unit, Func<CacheTotals, double> value) =>
        new(name, this, () => value(Totals())) { DisplayName = title, DisplayUnits = unit, DisplayRateTimeScale = TimeSpan.FromSeconds(1) };

    /// <summary>All counters of one interval are asked one behind the other.</summary>
    private CacheTotals Totals()
    {
        const int StaleMs = 50;
        lock (_gate)
        {
            if (_recorder != null && Environment.TickCount64 - _totalled > StaleMs)
            {
                _totals = _recorder.Total();
                _totalled = Environment.TickCount64;
            }

            return _totals;
        }
    }
}
