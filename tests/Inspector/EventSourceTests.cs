using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Text;
using Jitvmm.Inspector.Live;
using Microsoft.Diagnostics.NETCore.Client;

namespace Jitvmm.Tests.Inspector;

/// <summary>What .NET's tools see of a machine.</summary>
public sealed class EventSourceTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_listener_gets_the_counters()
    {
        using MachineGuest guest = new(new MachineGuestOptions { Kernel = _run.Write("kernel", TinyProgram.EndlessKernel()), Memory = 32 << 20, Inspect = true });
        Thread thread = new(() => guest.Run());
        thread.Start();
        using Listener listener = new();
        Assert.True(listener.Counted.Wait(s_limit), "no instruction was counted");
        guest.Stop();
        thread.Join();
        Assert.Contains("cache-bytes", listener.Names);
        Assert.Contains("exits", listener.Names);
    }

    [Fact]
    public void Another_process_gets_the_counters_of_a_machine()
    {
        using LiveGuest guest = LiveGuest.Boot("--serial", "none", "--memory", "32M", "--kernel", _run.Write("kernel", TinyProgram.EndlessKernel()));
        EventPipeProvider provider = new("Jitvmm", EventLevel.Informational, -1, new Dictionary<string, string> { ["EventCounterIntervalSec"] = "1" });
        using EventPipeSession session = new DiagnosticsClient(guest.Id).StartEventPipeSession(provider, requestRundown: false);
        byte[] wanted = Encoding.Unicode.GetBytes("instructions-interpreted");
        var seen = new List<byte>();
        byte[] buffer = new byte[4096];
        long start = Stopwatch.GetTimestamp();
        while (seen.ToArray().AsSpan().IndexOf(wanted) < 0)
        {
            int got = session.EventStream.Read(buffer);
            Assert.True(got > 0 && Stopwatch.GetElapsedTime(start) < s_limit, "the counters do not come");
            seen.AddRange(buffer.AsSpan(0, got));
        }
    }

    private sealed class Listener : EventListener
    {
        private readonly HashSet<string> _names = [];

        /// <summary>Set when instructions were counted.</summary>
        public ManualResetEventSlim Counted { get; } = new();

        public IReadOnlyCollection<string> Names
        {
            get
            {
                lock (_names)
                {
                    return [.. _names];
                }
            }
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Jitvmm")
            {
                EnableEvents(eventSource, EventLevel.Informational, EventKeywords.All, new Dictionary<string, string?> { ["EventCounterIntervalSec"] = "0.2" });
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData is not { EventName: "EventCounters", Payload: [IDictionary<string, object> counter] })
            {
                return;
            }

            lock (_names)
            {
                _ = _names.Add((string)counter["Name"]);
            }

            if (counter["Name"] is "instructions-interpreted" && counter.TryGetValue("Increment", out object? increment) && increment is > 1000.0)
            {
                Counted.Set();
            }
        }
    }
}
