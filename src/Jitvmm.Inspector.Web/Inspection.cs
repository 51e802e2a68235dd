using System.Text.Json;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Web;

/// <summary>What the page shows: a cache file, or a running guest with what it did since somebody looks. Any thread.</summary>
internal sealed class Inspection : IDisposable
{
    /// <summary>Looks at a guest that are kept: an hour of seconds.</summary>
    private const int MostSamples = 3600;

    private readonly Lock _gate = new();
    private readonly Queue<byte[]> _samples = [];
    private readonly SymbolTable? _symbols;
    private readonly AttachClient? _client;
    private readonly Thread? _thread;
    private readonly ManualResetEventSlim _stop = new();
    private CacheView _view;
    private CacheRates _rates;
    private int _firstSample;
    private bool _hasEnded;
    private string _problem = "";

    private Inspection(CacheFile file, SymbolTable? symbols, AttachClient? client, TimeSpan interval)
    {
        _symbols = symbols;
        _client = client;
        _view = new CacheView(file, symbols);
        _rates = new CacheRates(null, file);
        if (client != null)
        {
            AddSample();
            _thread = new Thread(() => Watch(interval)) { IsBackground = true, Name = "looking at the guest" };
            _thread.Start();
        }
    }

    /// <summary>A finished run.</summary>
    public static Inspection Of(CacheFile file, SymbolTable? symbols) => new(file, symbols, null, default);

    /// <summary>A running guest.</summary>
    public static Inspection Of(AttachClient client, SymbolTable? symbols, TimeSpan interval) => new(client.Read(), symbols, client, interval);

    /// <summary>The cache as it was when it was last looked at.</summary>
    public CacheView View
    {
        get
        {
            lock (_gate)
            {
                return _view;
            }
        }
    }

    /// <summary>Facts of the run, whether it goes on, what it does now, and the looks at it from a number on.</summary>
    public byte[] Overview(int fromSample)
    {
        lock (_gate)
        {
            using var bytes = new MemoryStream();
            using (var output = new Utf8JsonWriter(bytes))
            {
                output.WriteStartObject();
                output.WriteBoolean("live", _client != null && !_hasEnded);
                output.WriteBoolean("attached", _client != null);
                output.WriteString("problem", _problem);
                output.WriteStartObject("facts");
                foreach ((string name, string value) in _view.File.AllFacts())
                {
                    output.WriteString(name, value);
                }

                output.WriteEndObject();
                output.WritePropertyName("now");
                output.WriteRawValue(Json(TopReport.Make(_view, _rates, 200)));
                WriteSamples(output, fromSample);
                output.WriteEndObject();
            }

            return bytes.ToArray();
        }
    }

    /// <summary>A report in JSON.</summary>
    public static byte[] Json(Report report)
    {
        using var bytes = new MemoryStream();
        report.WriteJson(bytes, indented: false);
        return bytes.ToArray();
    }

    /// <summary>Lets go of the guest.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread?.Join();
        _client?.Dispose();
        _stop.Dispose();
    }

    private void WriteSamples(Utf8JsonWriter output, int from)
    {
        output.WriteNumber("first-sample", Math.Max(from, _firstSample));
        output.WriteStartArray("samples");
        int number = _firstSample;
        foreach (byte[] sample in _samples)
        {
            if (number++ >= from)
            {
                output.WriteRawValue(sample);
            }
        }

        output.WriteEndArray();
    }

    private void Watch(TimeSpan interval)
    {
        while (!_stop.Wait(interval))
        {
            try
            {
                CacheFile file = _client!.Read();
                CacheView view = new(file, _symbols);
                lock (_gate)
                {
                    _rates = new CacheRates(_view.File, file);
                    _view = view;
                    AddSample();
                }
            }
            catch (Exception error) when (error is AttachException or CacheFileException)
            {
                lock (_gate)
                {
                    _hasEnded = true;
                    _problem = error.Message;
                }

                return;
            }
        }
    }

    /// <summary>What is drawn over time.</summary>
    private void AddSample()
    {
        using var bytes = new MemoryStream();
        using (var output = new Utf8JsonWriter(bytes))
        {
            output.WriteStartObject();
            output.WriteNumber("ms", _rates.RecordedMs);
            output.WriteNumber("interpreted", _rates.PerSecond(_rates.Interpreted));
            output.WriteNumber("compiled", _rates.PerSecond(_rates.Compiled));
            output.WriteNumber("cache-bytes", _rates.CacheBytes);
            output.WriteNumber("blocks", _rates.LiveBlocks);
            output.WriteNumber("regions", _rates.LiveRegions);
            output.WriteNumber("invalidations", _rates.PerSecond(_rates.Invalidations));
            output.WriteStartObject("exits");
            foreach ((ExitKind kind, ulong count) in _rates.Exits)
            {
                output.WriteNumber(ExitKinds.NameOf(kind), _rates.PerSecond(count));
            }

            output.WriteEndObject();
            output.WriteEndObject();
        }

        _samples.Enqueue(bytes.ToArray());
        if (_samples.Count > MostSamples)
        {
            _ = _samples.Dequeue();
            _firstSample++;
        }
    }
}
